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
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
rm -f plan.md plan.json
if [ -n "${AGAINST:-}" ]; then
	set -- --against "$AGAINST"
else
	set -- --out plan.json
fi
code=0
routesync plan -f "$file" "$@" ${ASSERT:+--assert "$ASSERT"} -o markdown --detailed-exitcode >"$dir/plan" 2>"$dir/errors" || code=$?
cat "$dir/errors" >&2
if [ "$code" -eq 2 ]; then
	code=0 # there are changes: what a plan is for
fi
{
	case $code in
	0) ;;
	3) printf '**Refused by a guard: this will not be applied as it is.**\n\n' ;;
	*) printf '**There is no plan that could be applied: routesync ended with exit code %s.**\n\n' "$code" ;;
	esac
	if [ -n "${AGAINST:-}" ]; then
		printf 'Compared with %s, and not with what is advertised now.\n\n' "$AGAINST"
	fi
	cat "$dir/plan"
	if [ -s "$dir/errors" ]; then
		printf '\nroutesync plan also said:\n\n'
		sed 's/^/    /' "$dir/errors" # as text, whatever it has in it
	fi
} >plan.md
exit "$code"
