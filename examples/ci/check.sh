#!/bin/sh
# Checks the file and everything it leads to, without a broker and without secrets.
#
#   ROUTES         the file; routes.yaml if not given
#   ROUTES_FORMAT  the files whose style is checked, with patterns; that file if not given
set -eu
file=${ROUTES:-routes.yaml}
routesync validate -f "$file"
code=0
set -- "$file"
if [ -n "${ROUTES_FORMAT:-}" ]; then
	# The words are names of files, and patterns of them.
	# shellcheck disable=SC2086
	set -- $ROUTES_FORMAT
fi
routesync fmt --check "$@" || code=$?
if [ "$code" -eq 2 ]; then
	echo "these are not in the canonical style: run routesync fmt on them, and commit that" >&2
fi
exit "$code"
