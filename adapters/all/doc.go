// Package all opens a bucket by its URL, whatever its scheme:
//
//	file:///srv/quiver?sync=false    a directory (package adapters/file)
//	./quiver  ../quiver  /quiver     a directory, too
//
// A URL says where a bucket is, never who may use it: one with a user name or a password is refused, and so are parameters that its scheme does not know.
package all
