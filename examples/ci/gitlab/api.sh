# For the scripts beside it: api METHOD PATH [FILE] calls GitLab's API with the JSON in
# FILE, and prints the answer. The token is not on the command line, where other
# users of the machine would see it, and in a header that curl does not repeat to
# another host that it is sent on to. What creates something is not tried twice.
api() {
	retry=3
	if [ "$1" = POST ]; then
		retry=0
	fi
	printf 'Authorization: Bearer %s\n' "$GITLAB_TOKEN" | curl --silent --show-error --fail-with-body --location --max-time 60 --retry "$retry" \
		--header @- --header 'Content-Type: application/json' --request "$1" ${3:+--data-binary @"$3"} "$CI_API_V4_URL$2"
}
