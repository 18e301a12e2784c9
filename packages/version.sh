#!/bin/bash
# The version of the sources, from git: the tag v1.2.3 is 1.2.3, the fifth commit after it 1.2.3+5.g738a756, v1.3.0-rc1
# is 1.3.0~rc1, and before the first tag there is 0.0.0+ and all commits. Debian and RPM sort them in that order.
set -euo pipefail

if described=$(git describe --tags --match 'v[0-9]*' --dirty=.changed 2>/dev/null); then
	sed -E 's/^v//; s/-([0-9]+)-(g[0-9a-f]+)/+\1.\2/; s/-/~/g' <<<"$described"
else
	echo "0.0.0+$(git rev-list --count HEAD).g$(git describe --always --exclude '*' --dirty=.changed)"
fi
