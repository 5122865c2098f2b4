// Package bridge is both ends of the wire: the server, a helper process of
// exaBGP that applies batches and confirms what exaBGP really sends, and the
// client, which follows a speaker's state and commands it.
//
// What decides is pure: the [core] takes lines, batches and the time as values
// and returns what to do; the shells around it carry bytes. Its invariants:
//
//   - The advertised set moves only by what exaBGP says: an answer makes a
//     route accepted, an UPDATE reported as sent makes it sent, nothing else.
//     exaBGP 3.4 says nothing: what it was told stays unsent, with that reason,
//     and no more is ever claimed.
//   - What exaBGP's own table says is compared with that, now and then and when
//     something may have been missed. What differs is told. What exaBGP took and
//     did not send is given to it again in such words that it does.
//   - A bridge that is started again under the same exaBGP knows of a peer what the
//     journal says, if exaBGP's own count of what it sent proves that nothing else
//     happened; what was under way it gives again. Else it reads and proves all.
//   - At most one change per NLRI is in flight; the next waits.
//   - exaBGP is told only what was validated here.
//   - A claim is in the journal before the command that makes it true. A journal
//     that can't be written is named in the status until it is whole again.
//   - What was confirmed in the life of exaBGP before is announced again before
//     anybody commands, but for what was to go; the End-of-RIB comes behind it.
//   - What peers announce decides nothing here, and its messages wait behind all
//     that does. A reader who misses some of it is told so.
//   - A route of which its peer's session falls is found, and not announced there
//     again as it is. Nothing is withdrawn from a session that is up to find it,
//     and none is accused that did not fall alone.
//   - A route is touched only for the owner that announced it.
//   - A batch that the broker did not take, or may take late, is never sent again:
//     its lease is given up, and the difference is made anew.
//   - What keeps an end from its work has a name, is logged once when it begins
//     and once when it is over, and is told to whoever asks, as soon as that can be.
//   - A file that is older than what is in force, and asks for something else,
//     commands nothing, whatever died meanwhile, unless it is said to be meant.
//   - No goroutine that reads exaBGP's answers waits for anything else.
package bridge
