#!/bin/sh
# Shows a Markdown file, $1, in the summary of the job and as a comment on its pull
# request. The comment that this job wrote before is updated in place: it begins with a
# marker, and is ours, as anybody can write a comment with a marker.
#
#   GITHUB_TOKEN  may write to pull requests, which that of a fork's may not
set -eu
. "$(dirname "$0")/api.sh"
cat "$1" >>"$GITHUB_STEP_SUMMARY"
me='github-actions[bot]' # whose GITHUB_TOKEN is
marker="<!-- routesync plan of ${ROUTES:-routes.yaml} -->"
pull=$(jq -r .pull_request.number "$GITHUB_EVENT_PATH")
comments=/repos/$GITHUB_REPOSITORY/issues
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# A comment has room for 65,536 characters; here they are counted as bytes.
{
	printf '%s\n' "$marker"
	LC_ALL=C awk '{ room += length($0) + 1 } room > 65000 { print "\n(cut: the summary of the job has all of it)"; exit } { print }' "$1"
} | jq -R -s '{body: .}' >"$dir/body.json"

ours='' page=1 length=100
while [ -z "$ours" ] && [ "$length" -eq 100 ]; do
	api GET "$comments/$pull/comments?per_page=100&page=$page" >"$dir/page.json"
	ours=$(jq -r --arg marker "$marker" --arg me "$me" \
		'map(select(.user.login == $me and (.body | startswith($marker)))) | .[0].id // empty' "$dir/page.json")
	length=$(jq length "$dir/page.json")
	page=$((page + 1))
done
if [ -n "$ours" ]; then
	api PATCH "$comments/comments/$ours" "$dir/body.json"
else
	api POST "$comments/$pull/comments" "$dir/body.json"
fi >"$dir/answer.json"
jq -r '"the plan is at " + .html_url' "$dir/answer.json"
