package daemon

import (
	"net/http"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/kadence"
)

// KadenceConfig is [kadence] with how the program goes there.
func KadenceConfig(cfg *configs.Config, transport http.RoundTripper) kadence.Config {
	c := cfg.Kadence.Config
	c.Transport, c.UserAgent = transport, "presenced/"+Version()
	return c
}
