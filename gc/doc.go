// Package gc finds what a store has that nothing needs, and removes it: values that no record names, calls that are too old or too many, and what crashed writers left behind.
//
//	garbage, err := gc.Find(ctx, store, &gc.Options{MaxAge: 90 * 24 * time.Hour})
//	defer garbage.Close()
//	fmt.Println(garbage.Values, garbage.ValueBytes) // nothing was changed yet
//	removed, err := garbage.Remove(ctx, nil)
//
// [Find] lists the values, then traces what names them: the rows of the index, the records that are not in it yet, prepared calls. A value is garbage that is 24 hours old, or as old as Options.MinAge says, and that nothing names. Everybody who is about to
// name a value makes it younger first, if it is older than 6 hours (blobstore.Store.Keep), so that it is never too late for him: neither while Find is at it, nor before Remove comes to it, whenever that is. Remove deletes only what has not changed, where the
// store can delete conditionally. Where it cannot, it looks right before it deletes, and there are milliseconds between.
//
// A value that was saved by itself, and that no record names, is garbage after a day.
//
// Calls are evicted by when they were saved; a hit writes nothing, so that nobody knows when a call was last of use.
//
// Both may be interrupted at any point; run again, they go on with what is left. They take 8 bytes of memory for each value and each call, a temporary file with their keys, and requests by the thousand keys, besides those of a query of all calls: docs/gc.md.
// Objects that Quiver did not write stay, whatever they are called.
package gc
