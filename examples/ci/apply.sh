#!/bin/sh
# Applies plan.json, the plan that was reviewed, to the file of this commit, and says
# what came of it. It ends with what routesync ended with.
#
#   ROUTESYNC_AMQP  the broker, as a user that may command
#   BRANCH          the branch that is in force: only its newest commit is applied
#   ROUTES          the file; routes.yaml if not given
#   CONFIRM_WITHIN  as 5m: reverted after that time, unless routesync confirm came
set -eu
# A job that is run again has the commit it had. To apply that would bring back what
# was changed since.
newest=$(git ls-remote origin "refs/heads/$BRANCH" | cut -f 1)
here=$(git rev-parse HEAD)
if [ "$newest" != "$here" ]; then
	echo "this is $here, and $BRANCH is at ${newest:-no commit}: nothing was sent" >&2
	exit 4
fi
code=0
routesync apply plan.json -f "${ROUTES:-routes.yaml}" --yes ${CONFIRM_WITHIN:+--confirm-within "$CONFIRM_WITHIN"} >applied.txt 2>&1 || code=$?
cat applied.txt
case $code in
0) verdict="Applied, and confirmed by every peer that is up." ;;
3) verdict="Refused by a guard; nothing was sent. If it is meant, put the override that is named here into the file, have that reviewed, and merge it." ;;
4) verdict="Something moved since the plan was made; nothing was sent. Start the workflow, or the pipeline, by hand: it makes a new plan." ;;
5) verdict="Sent, and not confirmed by every peer in time. Look at routesync status; a new plan says what is left to do." ;;
*) verdict="Failed with exit code $code." ;;
esac
if grep -q '^  on trial until ' applied.txt; then
	verdict="$verdict It is on trial: it is reverted by itself, unless somebody gives the routesync confirm that is named here in time."
fi
echo "$verdict" >&2
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
	{
		printf '**%s**\n\n' "$verdict"
		sed 's/^/    /' applied.txt
	} >>"$GITHUB_STEP_SUMMARY"
fi
exit "$code"
