#!/bin/sh
# Gets plan.json, the plan that was reviewed with the merge request that this push has
# merged: that of the last job "plan" that succeeded there. Whatever is in it, routesync
# apply sends nothing but what the file of this commit asks for.
#
#   GITLAB_TOKEN  a project access token, scope api
set -eu
. "$(dirname "$0")/api.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
project=/projects/$CI_PROJECT_ID
by_hand="run a pipeline on $CI_COMMIT_BRANCH by hand: it makes a plan, and applies it when you say so"

api GET "$project/repository/commits/$CI_COMMIT_SHA/merge_requests" >"$dir/requests.json"
# Jobs of a fork ran in the fork, and had nothing to plan with.
request=$(jq -r --argjson project "$CI_PROJECT_ID" --arg branch "$CI_COMMIT_BRANCH" \
	'map(select(.state == "merged" and .target_branch == $branch and .source_project_id == $project)) | sort_by(.merged_at) | .[-1].iid // empty' "$dir/requests.json")
if [ -z "$request" ]; then
	echo "no merge request of this project was merged as $CI_COMMIT_SHA, so no plan was reviewed: $by_hand" >&2
	exit 1
fi
api GET "$project/merge_requests/$request/pipelines?per_page=20" >"$dir/pipelines.json"
for pipeline in $(jq -r --argjson project "$CI_PROJECT_ID" 'map(select(.project_id == $project)) | sort_by(-.id) | .[].id' "$dir/pipelines.json"); do
	api GET "$project/pipelines/$pipeline/jobs?per_page=100" >"$dir/jobs.json"
	job=$(jq -r 'map(select(.name == "plan" and .status == "success")) | .[0].id // empty' "$dir/jobs.json")
	if [ -n "$job" ]; then
		api GET "$project/jobs/$job/artifacts/plan.json" >plan.json
		echo "the plan of merge request $request, job $job"
		exit
	fi
done
echo "merge request $request has no plan: $by_hand" >&2
exit 1
