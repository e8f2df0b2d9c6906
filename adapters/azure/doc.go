// Package azure is a bucket.Bucket on Azure Blob Storage: a bucket is a container, an object a block blob.
//
//	azblob://container                                       the whole container, of the account AZURE_STORAGE_ACCOUNT
//	azblob://container/team/project?storage_account=name     the blobs under team/project/
//	azblob://container?protocol=http&domain=127.0.0.1:10000  in Azurite
//
// A program that has a client of its own gives it to [New]. Either way, bucket.Decorate adds deadlines and retries.
//
// A version is an ETag, which is new with every write, of the same bytes too.
//
// # Who asks
//
// [OpenURL] finds credentials as gocloud.dev/blob/azureblob does, the first of these in the environment: AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY;
// AZURE_STORAGE_SAS_TOKEN; AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGEBLOB_CONNECTIONSTRING; else an identity, by azidentity.NewDefaultAzureCredential.
// UseDevelopmentStorage=true as a connection string is Azurite at 127.0.0.1:10000. AZURE_STORAGE_DOMAIN, _PROTOCOL, _IS_CDN and _IS_LOCAL_EMULATOR are what
// the URL's parameters are where they are left out.
//
// A token, of SAS or of an identity, is sent to the service that the environment names and to no other: a URL may name another account for an identity, but
// neither another domain nor another protocol. A SAS token is in no error. An identity needs the role Storage Blob Data Contributor on the container.
//
// # What a request costs
//
// Every operation is one request, but for these. An upload of more than 8 MiB is one request for each 8 MiB and one that puts the parts together, which has
// the condition; Azure drops the parts of an upload that was not finished after a week. A DeleteIf whose condition does not hold looks whether the blob is
// there. A page of a listing has up to 5,000 keys, and fewer where Azure's partitions meet or much was deleted.
//
// Azure cannot be asked for the keys after a given one: its service has a parameter for it since version 2026-02-06, which azblob v1.8.0 takes as an option
// and does not send. A listing with After reads, and passes over, all that comes before with its prefix.
//
// # What bites
//
// A container takes what the account's data protection says: versioning and soft delete keep, and bill, every mark that Quiver deletes, and a snapshot, a
// lease, a legal hold or an archive tier make objects that cannot be deleted or read. A container that is Quiver's own has none of them. An account with a
// hierarchical namespace (Data Lake Storage) lists folders as blobs; Quiver is made for one without.
//
// The SDK speaks a newer version of the protocol than Azurite may know: start it with --skipApiVersionCheck.
package azure
