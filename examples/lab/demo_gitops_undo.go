package main

import (
	"context"
)

func (r *repository) trial(ctx context.Context) error    { return nil }
func (r *repository) revert(ctx context.Context) error   { return nil }
func (r *repository) blame(ctx context.Context) error    { return nil }
func (r *repository) rollback(ctx context.Context) error { return nil }
