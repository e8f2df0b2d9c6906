// Package cache keeps ranges of immutable objects on this machine, so that what was read once needs no request again.
//
// Segments, filters and deletions never change under their names, so a range that is kept is right for ever. A [Cache] keeps ranges in memory, for itself, and in a directory, for all processes
// that name the same one. What is in neither is fetched, once for all who ask for it at the same time.
//
// # The directory
//
// A range is a file `ab/<64 hex>.range`, where the hex is the SHA-256 of "quiver cache 1", a zero byte, offset (8), length (8) and the object's name, and ab its first two characters. The file is
//
//	"QVRANGE1" ‖ length of the content (8) ‖ CRC-32C of the file's name and the content (4) ‖ content
//
// with integers in big-endian. It is written as `ab/tmp-…` and renamed, so that nobody ever sees a part of it, and not flushed to the disk: what a power failure has damaged is found out by the checksum. Whatever has
// the name of a range and is not just that range is removed and fetched again. Files with other names are left alone. All is this user's alone: folders are 0700, files 0600.
//
// # Limits
//
// Memory and directory drop what was used least recently; a range larger than a quarter of a limit is not kept there. The directory goes by modification times, which a hit renews once a minute at the most, and files count in
// blocks of 4 KiB. Before its first write, and whenever it has written a sixteenth of the limit, a Cache counts the directory, and removes files until nine tenths are in use if the new one does not fit in. So one
// writer at a time keeps to the limit; each further one may exceed it by a sixteenth, or by one larger range, until it counts again. Who sweep at once remove the same files.
//
// A directory that cannot be written fails no query: Options.Warn is told once, memory does what it can, and a minute later the directory is tried again.
package cache
