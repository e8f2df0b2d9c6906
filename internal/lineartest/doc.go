// Package lineartest lets many clients use one bucket at once, over a store that fails, loses answers and is late, and asks whether what they saw can be explained by one thing happening after another: porcupine
// searches for such an order, and finds one or proves that there is none.
//
//	history := lineartest.Records(b, lineartest.Options{Seed: 7})
//	err := history.Check(t.ArtifactDir)
//
// [Records] and [Values] are registers, one for each key: the first save wins, or replaces, an evict empties it. [Leases] are held by one client at a time.
//
// An operation that fails without an answer may have taken effect, may do so later, or never. What counts is the request that was not answered: each is a step of its own that may come at any time from then on, or
// not at all. So an operation that repeats such a request may take effect once for each, as when a save lands untold, is evicted, and is sent again. A removal that was not answered is taken for one of whatever is
// there.
//
// An evict that succeeds is two steps: there was something, and then there is nothing. Two clients that evict one entry at the same time may both succeed, since each has seen it; and where the store cannot delete conditionally, an
// evict removes also what was saved after it looked. Both are so by design: an evict that returned is found by none.
package lineartest
