package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// gitPatience is how long git may take to tell of a commit: a plan does not wait for
// a file system that hangs.
const gitPatience = 5 * time.Second

// gitCommit is the commit that files are of.
type gitCommit struct {
	Commit string `json:"commit"` // whole
	// Dirty: there are changes that are not in the commit, or one of the files is not.
	Dirty bool `json:"dirty"`
}

// commitOf asks git for the commit of files that are read together, the first of which
// says in which repository. nil: there is no git, no repository or no commit.
func commitOf(ctx context.Context, files []string) *gitCommit {
	ctx, cancel := context.WithTimeout(ctx, gitPatience)
	defer cancel()
	if len(files) == 0 {
		return nil
	}
	paths := make([]string, len(files))
	for i, name := range files {
		real, err := filepath.EvalSymlinks(name)
		if err == nil {
			real, err = filepath.Abs(real)
		}
		if err != nil {
			return nil
		}
		paths[i] = real
	}
	dir := filepath.Dir(paths[0])
	commit, err := git(ctx, dir, "rev-parse", "--verify", "HEAD^{commit}")
	if err != nil {
		return nil
	}
	c := &gitCommit{Commit: strings.TrimSpace(commit)}
	// The whole tree counts: which files a pattern would have included is not known.
	_, changed := git(ctx, dir, "diff", "--quiet", "--ignore-submodules", "HEAD", "--")
	_, unknown := git(ctx, dir, append([]string{"ls-files", "--error-unmatch", "--"}, paths...)...)
	c.Dirty = errors.Join(changed, unknown) != nil
	return c
}

// git runs git in a directory. What a repository's configuration would have it run is
// left out.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.fsmonitor=false", "-C", dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	return string(out), err
}

// short is the commit as people compare it.
func (c *gitCommit) short() string {
	text := c.Commit[:min(12, len(c.Commit))]
	if c.Dirty {
		text += " with changes"
	}
	return text
}
