// Package journal keeps what a bridge must still know after it dies: which
// routes it announced for which owner, with what attributes, which it must not
// announce again, the highest epoch it granted, which file of each owner it
// accepted last, what people ordered, and what was before a trial.
//
// Its invariants:
//
//   - What Begin and SetEpoch were told is on the disk when they return. What
//     Put was told outlives this process; a crash of the machine may take the
//     last of it.
//   - What was announced in a life of exaBGP that ended is kept until it was
//     announced in the next.
//   - A file is believed whole or not at all. One that is torn, foreign, of
//     another format or of another speaker is put aside under another name,
//     where a person can look at it, and the bridge starts with an empty one.
//   - One bridge of a name at a time: the file is locked while it is open.
//   - The epoch never goes down, and what is in quarantine stays there, not only
//     until exaBGP restarts.
//   - No content of a file can make the bridge panic, hang or be killed by a
//     signal, whatever is done to it while it is open. One that was removed,
//     replaced or spoilt is found by [Journal.Lost].
//
// # Format 2
//
// A bbolt file DIR/SPEAKER.db with two buckets, and up to four more. Integers are
// big endian. Format 1 has no bucket "tried", and no version 2 of an owner; a
// journal of it becomes one of format 2 when it is opened, so that an earlier
// release puts it aside, and does not leave a trial as it is.
//
//	meta
//	  "format"   uint32, 2
//	  "speaker"  the name of the speaker
//	  "boot"     the life of exaBGP that the claims belong to
//	  "epoch"    int64, the highest epoch granted
//	  "seal"     uint64 number of claims records, uint64 sum of their checksums
//	  "proof"    byte version, 1; the seal of the claims that it is of
//	             uvarints number of the tape, how far it is known; uvarint the last
//	               launch that is proven
//	             uvarint number of launches, in order; for each: uvarint how much
//	               it is more than the one before
//	             uvarint number of peers, in the order of their addresses; for each:
//	               byte length, 4 or 16; the address; byte 1 if all is as the claims
//	               say, plus 2 if the session is up, plus 4 if it has had an
//	               End-of-RIB; varints after when, until when it came up, and when
//	               it was there; uvarint number of UPDATEs; what next-hop self is in
//	               IPv4 and in IPv6 families, as the address, 0 for unknown
//	             uint32 CRC-32C of "proof" and of what is before it
//	claims
//	  key        uint32 family, the bytes of the NLRI
//	  value      byte version, 1 to 6, the first that can say it
//	             uvarint number of claims, at least 1, in order; for each
//	               uvarint length of the owner's name, the name
//	               from version 2 on: uvarint length of who gave it by hand,
//	                 that; varint when; varint when it expires
//	               from version 3 on: varint its lease
//	               from version 4 on: uvarint length of its attributes, those;
//	                 byte 1 if it is to be withdrawn, else 0
//	               from version 5 on: byte 1 if it is set aside, else 0
//	               from version 6 on: uvarint twice the number of its launch, plus 1
//	                 if it was given in other words
//	               uvarint number of peers, in the order of their addresses;
//	                 for each: byte length, 4 or 16; the address
//	             uint32 CRC-32C of the key and of the value before it
//	before       of the life before, until it is replayed
//	  "seal"     as in meta
//	  claims     as above
//	quarantine   since something was in it
//	  "seal"     as in meta, of the routes
//	  routes
//	    key      byte length, 4 or 16; the peer's address; uvarint length of the
//	             owner's name, that; the key of a claim
//	    value    byte version, 1
//	             for each of attributes and reason: uvarint length, that
//	             varint when it was found
//	             uint32 CRC-32C of the key and of the value before it
//	owners       across all lives of exaBGP; sealed in meta, under "owners"
//	  key        the owner's name
//	  value      byte version, 1 or 2, the first that can say it
//	             uvarint length of the digest of the file that was accepted, that;
//	               varint when that was changed; uvarint length of whose host has
//	               it, that; varint when a commander was last heard
//	             in version 2: uvarint length of what was ordered, that, in JSON
//	             uint32 CRC-32C of the key and of the value before it
//	tried        by the owner's name; only of owners with a trial
//	  "seal"     as in meta
//	  claims     as above, of what was before; one without attributes, and to be
//	             withdrawn, says that nothing was announced
//
// bbolt has checksums on its two root pages only. The checksum of a record
// finds a page that was torn; the seal finds one that was never written. A bucket, or
// a key of meta, that is not named above is damage too.
package journal
