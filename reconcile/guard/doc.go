// Package guard judges a plan before anything of it is sent: by what it withdraws,
// by what is left, and by what it announces.
//
// It is pure: a case and a policy in, a verdict out. Its invariants:
//
//   - It never makes a plan smaller: a plan is passed whole, or refused whole.
//   - What is not known counts as the worse: routes of unknown tags count as of
//     every tag that has a rule of its own.
//   - What was agreed to beforehand is not refused: a route that goes because the
//     time has come that it was announced with.
//   - It is right for few things too: one of few may always go, if any may.
//   - The same case gives the same verdict, word for word.
package guard
