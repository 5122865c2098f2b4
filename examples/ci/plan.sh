#!/bin/sh
# Makes plan.md for people, and plan.json for apply.sh. It ends with 0 if there is a
# plan that can be applied, also one of no changes; with what routesync ended with if
# there is none. plan.md is there in any case, and says which.
#
#   ROUTESYNC_AMQP  the broker, as a user that may only read
#   AGAINST         instead of a broker: a snapshot (routesync snapshot), or another
#                   routes file. There is no plan.json then: what is advertised now
#                   was not seen
#   ROUTES          the file; routes.yaml if not given
#   ASSERT          expectations that the plan must meet, if given
set -eu
file=${ROUTES:-routes.yaml}
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
rm -f plan.md plan.json
if [ -n "${AGAINST:-}" ]; then
	set -- --against "$AGAINST"
else
	set -- --out plan.json
fi
code=0
routesync plan -f "$file" "$@" ${ASSERT:+--assert "$ASSERT"} -o markdown --detailed-exitcode >plan.md 2>"$errors" || code=$?
cat "$errors" >&2
if [ "$code" -eq 2 ]; then
	code=0 # there are changes: what a plan is for
fi
if [ -n "${AGAINST:-}" ]; then
	printf '\nCompared with %s, and not with what is advertised now.\n' "$AGAINST" >>plan.md
fi
if [ -s "$errors" ]; then
	# Four spaces in front make text of everything, whatever it has in it.
	printf '\nroutesync plan also said:\n\n' >>plan.md
	sed 's/^/    /' "$errors" >>plan.md
fi
if [ "$code" -ne 0 ]; then
	printf '\n**This can not be applied: routesync plan ended with %s.**\n' "$code" >>plan.md
fi
exit "$code"
