package configs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Several daemons on one store conclude the same only by the same rules.

// alike are the sections that all of them are to have in common, and of the others the
// keys.
var (
	alike     = []string{"radius", "radius.client", "site", "elsewhere", "identity", "identity.rewrite", "presence", "kadence"}
	alikeKeys = []string{"store.keep_visits", "store.hash_devices"}
)

// Fingerprints returns, by section, a hash of what daemons on one store are to have in common:
// of two configurations they are the same if these are alike, the lists that they name
// included. A key that has its default counts as left out, so that a version that has more keys than
// another tells the same. No secret is in it, nor where something is on this host.
func (c *Config) Fingerprints() map[string]string {
	lines := map[string][]string{}
	for _, s := range c.settings {
		section := generic(s.at)
		counts := slices.Contains(alike, section) && !slices.Contains(hidden, s.key) && !strings.HasSuffix(s.key, "_file") && !strings.HasSuffix(s.key, "_files") && s.key != "listen"
		if !counts && !slices.Contains(alikeKeys, section+"."+s.key) || s.usual {
			continue
		}
		lines[section] = append(lines[section], fmt.Sprintf("%s.%s %x", s.at, s.key, s.sum))
	}
	all := map[string]string{}
	for section, of := range lines {
		slices.Sort(of)
		sum := sha256.Sum256([]byte(strings.Join(of, "\n")))
		all[section] = hex.EncodeToString(sum[:8])
	}
	return all
}
