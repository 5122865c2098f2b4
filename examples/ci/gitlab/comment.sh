#!/bin/sh
# Shows a Markdown file, $1, as a comment on the merge request of this job. The comment
# that this job wrote before is updated in place: it begins with a marker, and is
# ours, as anybody can write a comment with a marker.
#
#   GITLAB_TOKEN  a project access token, scope api: a job's own token can't comment
set -eu
. "$(dirname "$0")/api.sh"
marker="<!-- routesync plan of ${ROUTES:-routes.yaml} -->"
notes=/projects/$CI_MERGE_REQUEST_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

{
	printf '%s\n' "$marker"
	cat "$1"
} | jq -R -s '{body: .}' >"$dir/body.json"

api GET /user >"$dir/user.json"
me=$(jq .id "$dir/user.json")
ours='' page=1 length=100
while [ -z "$ours" ] && [ "$length" -eq 100 ]; do
	api GET "$notes?sort=asc&per_page=100&page=$page" >"$dir/page.json"
	ours=$(jq -r --arg marker "$marker" --argjson me "$me" \
		'map(select(.author.id == $me and (.body | startswith($marker)))) | .[0].id // empty' "$dir/page.json")
	length=$(jq length "$dir/page.json")
	page=$((page + 1))
done
if [ -n "$ours" ]; then
	api PUT "$notes/$ours" "$dir/body.json"
else
	api POST "$notes" "$dir/body.json"
fi >"$dir/answer.json"
jq -r '"the plan is in comment " + (.id | tostring)' "$dir/answer.json"
