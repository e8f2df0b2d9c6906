// Package signing signs the objects of a store with HMAC-SHA-256, so that who holds no key can write none that is believed.
//
// A [Ring] holds the keys: one that signs, and any number that verify, so that keys can be changed while a fleet is running. [ParseKeys] reads it from the text
// of a variable or a file, [NewRing] makes it of bytes. What is signed is a [Message]: what kind of object it is, for which store, under which key, and what it
// holds; an object that is moved to another name or another store is not believed there. docs/format.md says which bytes those are, docs/signing.md what
// signing is good for, and what it is not.
//
// A [Signer] is a ring at work in one store; packages blobstore and callindex are given one. What it does not believe is a [*Refusal], which they turn into a
// damaged object: a miss with a reason, which heals when it is computed again.
//
// A key is known by its [KeyID], which is derived from it and does not tell it. No text, error or format verb of this package shows a key.
package signing
