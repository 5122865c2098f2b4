# For the scripts beside it: api METHOD PATH [FILE] calls GitHub's API with the JSON in
# FILE, and prints the answer. The token is not on the command line, where other
# users of the machine would see it. What creates something is not tried twice.
api() {
	retry=3
	if [ "$1" = POST ]; then
		retry=0
	fi
	printf 'Authorization: Bearer %s\n' "$GITHUB_TOKEN" | curl --silent --show-error --fail-with-body --max-time 60 --retry "$retry" \
		--header @- --header 'Accept: application/vnd.github+json' --header 'X-GitHub-Api-Version: 2022-11-28' \
		--request "$1" ${3:+--data-binary @"$3"} "$GITHUB_API_URL$2"
}
