package sandbox

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// token answers the token endpoint: client credentials, as a form or as JSON.
func (s *Server) token(c *call) answer {
	ask := map[string]string{}
	switch kind, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type")); kind {
	case "application/json":
		if json.Unmarshal(c.body, &ask) != nil {
			return league(http.StatusBadRequest, "invalid_request", "The body is not JSON")
		}
	default:
		form, err := url.ParseQuery(string(c.body))
		if err != nil {
			return league(http.StatusBadRequest, "invalid_request", "The body is not a form")
		}
		for key := range form {
			ask[key] = form.Get(key)
		}
	}
	for _, key := range []string{"grant_type", "client_id", "client_secret"} {
		if ask[key] == "" {
			return league(http.StatusBadRequest, "invalid_request", "Check the `"+key+"` parameter")
		}
	}
	secret, known := s.secrets[ask["client_id"]]
	switch {
	case ask["grant_type"] != "client_credentials":
		return league(http.StatusBadRequest, "unsupported_grant_type", "The grant type is not supported")
	case !known || secret != ask["client_secret"]:
		a := league(http.StatusUnauthorized, "invalid_client", "Client authentication failed")
		a.header.Set("WWW-Authenticate", `Basic realm="OAuth"`)
		return a
	case ask["scope"] != "" && ask["scope"] != "public":
		return league(http.StatusBadRequest, "invalid_scope", "The scope is invalid")
	}
	life := cmp.Or(s.switches.TokenLife, time.Hour)
	token := "sandbox-" + rand.Text()
	s.tokens[token] = c.now.Add(life)
	return written(http.StatusOK, http.Header{"Content-Type": {"application/json"}}, map[string]any{
		"token_type": "Bearer", "expires_in": int(life.Seconds()), "access_token": token,
	})
}

func (s *Server) authorised(c *call) bool {
	token, ok := strings.CutPrefix(c.Header.Get("Authorization"), "Bearer ")
	expires, known := s.tokens[token]
	return ok && known && c.now.Before(expires)
}

func (s *Server) unauthorised() answer {
	return shaped(s.switches.Unauthorised, http.StatusUnauthorized, "The token is missing, expired or foreign")
}

// league is an error of the token endpoint.
func league(status int, code, text string) answer {
	return written(status, http.Header{"Content-Type": {"application/json"}}, map[string]any{
		"error": code, "error_description": text, "message": text,
	})
}
