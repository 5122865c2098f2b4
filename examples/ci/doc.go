// Package ci is jobs of GitHub Actions and GitLab that plan every pull request and
// apply what is merged, to be copied into a repository with a routes.yaml: the
// workflows, and the small scripts that they call. In Go it has only tests: they run
// the scripts as the jobs do, against forges that answer as GitHub and GitLab
// document it.
package ci
