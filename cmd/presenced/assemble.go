package main

import (
	"net/http"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/kadence"
	"github.com/presenced/presenced/radiusacct"
)

// radiusClients is [[radius.client]] as package radiusacct takes it.
func radiusClients(cfg *configs.Config) []radiusacct.Client {
	clients := make([]radiusacct.Client, len(cfg.Radius.Clients))
	for i, c := range cfg.Radius.Clients {
		clients[i] = radiusacct.Client{
			Name: c.Name, Prefix: c.Prefix, Secrets: c.Secrets, Site: c.Site,
			MirrorMessageAuthenticator:  radiusacct.Mirror(c.MirrorMessageAuthenticator),
			RequireMessageAuthenticator: c.RequireMessageAuthenticator,
		}
	}
	return clients
}

// kadenceConfig is [kadence] as package kadence takes it.
func kadenceConfig(cfg *configs.Config, transport http.RoundTripper) kadence.Config {
	k := cfg.Kadence
	c := kadence.Config{
		Region: k.Region, APIURL: k.APIURL, AuthURL: k.AuthURL, ClientID: k.ClientID, Secret: k.Secret,
		ActingUser: k.ActingUser, Types: k.Types, Rate: k.Rate,
		Buildings: map[string]string{}, Zones: map[string]*time.Location{},
		Transport: transport, UserAgent: "presenced/" + version(),
	}
	for name, site := range cfg.Rules.Sites {
		c.Buildings[name], c.Zones[name] = site.Building, site.Zone
	}
	return c
}
