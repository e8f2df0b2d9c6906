// Package docs holds the documents of the repository to what they say: no dead link, and no command that is not run.
//
// Its tests read every Markdown file that is in the checkout, or would be committed with it.
//
//   - Links to files, folders, images and headings lead somewhere; links to elsewhere are https.
//   - Every fence names its language, and what is in it is of that language. There are no indented code blocks, and no commands in fences of text: nothing hides.
//   - Every sh fence is run. Those of one document run in their order, in one session of bash, in a fresh copy of the checkout, with a home, caches and a store of
//     their own and no network but the loopback address.
//
// What a document needs before it can be run (servers, buckets, other ports) is a row of the table in stages_test.go; the files that it presupposes are in testdata, by the
// document's name. With -v a session is printed with all that it said.
//
// # Stand-ins
//
// Programs that need a cloud, or would take hours, are played by stand-ins: this package's test binary under their names. A stand-in knows exactly the commands that the documents
// have, does their equivalent on an emulator (as making the bucket), and refuses everything else. Where half of it can be done in earnest, it is: terraform is the real one, whose
// apply ends with the plan where there are resources of a cloud; make says what it would do; go install takes a program that was built before from just that version.
// How many commands ran, and how often a program was played, is said at the end.
package docs
