#!/bin/sh
# Finds the plan that was reviewed with the pull request that this push has merged, and
# says which run has it, for actions/download-artifact. An artifact may come from
# anybody's pull request, so it must be of a branch of this repository; and whatever is in it,
# routesync apply sends nothing but what the file of this commit asks for.
#
#   GITHUB_TOKEN  may read pull requests and actions
set -eu
. "$(dirname "$0")/api.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
by_hand="start this workflow by hand: it makes a plan, and applies it once that was approved"

api GET "/repos/$GITHUB_REPOSITORY/commits/$GITHUB_SHA/pulls" >"$dir/pulls.json"
head=$(jq -r --arg sha "$GITHUB_SHA" 'map(select(.merged_at and .merge_commit_sha == $sha)) | .[0].head.sha // empty' "$dir/pulls.json")
if [ -z "$head" ]; then
	echo "no pull request was merged as $GITHUB_SHA, so no plan was reviewed: $by_hand" >&2
	exit 1
fi
name=routesync-plan-$head
api GET "/repos/$GITHUB_REPOSITORY/actions/artifacts?name=$name&per_page=100" >"$dir/artifacts.json"
run=$(jq -r --arg head "$head" '
	.artifacts | map(select((.expired | not) and .workflow_run.head_sha == $head
		and .workflow_run.head_repository_id == .workflow_run.repository_id))
	| sort_by(.created_at) | .[-1].workflow_run.id // empty' "$dir/artifacts.json")
if [ -z "$run" ]; then
	echo "there is no $name, or not any more: $by_hand" >&2
	exit 1
fi
printf 'run-id=%s\nname=%s\n' "$run" "$name" >>"$GITHUB_OUTPUT"
