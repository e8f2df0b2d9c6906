// Package manifest says what a manifest is: the list of segments that a shard's index consists of, which of their rows are deleted, and what its functions add up to.
//
// It is pure: it decodes, applies changes and encodes, and knows nothing of buckets, marks or rows. A [Manifest] is never changed: [Manifest.Apply] returns the next one. docs/format.md, section 8,
// specifies its bytes.
package manifest
