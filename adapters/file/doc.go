// Package file is a bucket in a directory, safe between processes: a store for one machine, for tests, and for machines that share a
// filesystem.
//
// # Layout
//
// An object is a file of raw content, its key the path below the directory, so that zstd and jq work on it as they are:
//
//	values/ab/abcd…      an object
//	.quiver/tmp/<id>     an object being written
//	.quiver/locks/<xx>   256 lock files, chosen by a hash of the key
//
// Keys under .quiver/ are refused. Two keys of which one is a folder of the other ("a" and "a/b") cannot both be there: the second one written
// is refused. Folders stay when their last object goes. Do not change files in place, and do not remove .quiver while the bucket is in use.
//
// What is in the directory and can be no object is skipped by a listing: names outside the characters of a key, symbolic links, devices,
// pipes, sockets. Asked for by its key, such a thing is refused with an error that says what it is; it is never opened. A folder is not an object.
//
// # Writing
//
// A Put writes a temporary file, flushes it to the disk, and gives it its name in one step. To create, it links, which the
// filesystem refuses where the name is taken: no lock is needed, and nobody waits. To replace, it takes the lock of the key, compares the version, and renames.
// Deletes take the lock too. A lock is the operating system's and goes with its process; a wait for it ends with ctx. Then the folder is
// flushed, so that an answered write survives a power failure. Options.NoSync leaves the flushing out: faster, but after a power failure
// the latest objects may be missing or empty (not after a crash of the process alone).
//
// A process that dies while it writes leaves at worst a file in .quiver/tmp, which the first write of a later process removes when it is a day old.
//
// # Versions
//
// A version is the file's modification time in units of 100 ns, which Put sets itself, together with the inode number. No version of a key comes
// twice, whatever the clocks say: before a file is replaced or removed, its time is noted in the lock file, and a new file, which may get the same
// inode only after that, takes a later time than the one noted. A filesystem that does not keep such times, or has no hard links, refuses the first write with an error that says so.
//
// Within a process Put hands out strictly ascending times, so that a ModTime may run ahead of the clock by as many units as objects were written within one.
//
// # Extras
//
// The bucket is a bucket.RangeGetter and a bucket.ConditionalDeleter.
//
// A List reads only the folders that can hold its page, and looks at no file but those on the page. Each page reads its folders anew.
package file
