mock_provider "google" {}

variables {
  project  = "acme-data"
  bucket   = "acme-quiver"
  location = "europe-west3"
}

run "defaults" {
  command = apply

  assert {
    condition     = [for store in [google_storage_bucket.store] : [store.project, store.name, store.location]] == [["acme-data", "acme-quiver", "europe-west3"]]
    error_message = "The bucket is another one, or elsewhere."
  }

  assert {
    condition     = google_storage_bucket.store.uniform_bucket_level_access && google_storage_bucket.store.public_access_prevention == "enforced"
    error_message = "The bucket can be opened to the public, or to somebody by an access list of an object."
  }

  assert {
    condition     = [for versioning in google_storage_bucket.store.versioning : versioning.enabled] == [false]
    error_message = "Old versions of marks are kept and paid for."
  }

  assert {
    condition     = [for policy in google_storage_bucket.store.soft_delete_policy : policy.retention_duration_seconds] == [0]
    error_message = "Deleted marks are kept and paid for."
  }

  assert {
    condition = jsonencode([for rule in google_storage_bucket.store.lifecycle_rule : {
      action    = [for action in rule.action : { type = action.type, storage_class = action.storage_class }]
      condition = [for condition in rule.condition : { for name, value in condition : name => value if value != null && try(length(value) > 0, true) }]
      }]) == jsonencode([{
      action    = [{ type = "AbortIncompleteMultipartUpload", storage_class = null }]
      condition = [{ age = 1 }]
    }])
    error_message = "The rules of the lifecycle do not just abort uploads of a day: ${jsonencode(google_storage_bucket.store.lifecycle_rule)}"
  }

  assert {
    condition     = google_storage_bucket.store.storage_class == "STANDARD" && length(google_storage_bucket.store.autoclass) == 0
    error_message = "Objects go to a class that bills them for longer than they live."
  }

  assert {
    condition     = alltrue([for store in [google_storage_bucket.store] : length(store.retention_policy) == 0 && store.default_event_based_hold != true && store.enable_object_retention != true])
    error_message = "A retention or a hold refuses replacements and deletes."
  }

  assert {
    condition     = length(google_storage_bucket.store.encryption) == 0 && length(google_kms_crypto_key_iam_member.agent) == 0
    error_message = "There is a key that nobody named."
  }

  assert {
    condition     = length(google_storage_bucket.store.logging) == 0
    error_message = "There are usage logs that nobody asked for."
  }

  assert {
    condition     = google_storage_bucket.store.force_destroy == false && google_storage_bucket.store.requester_pays != true
    error_message = "Destroying deletes what is remembered, or those who ask pay."
  }

  assert {
    condition     = length(google_storage_bucket.store.labels) == 0
    error_message = "There are labels that nobody gave."
  }

  assert {
    condition     = length(google_storage_bucket_iam_binding.role) == 0
    error_message = "Somebody has a right that nobody gave."
  }

  assert {
    condition     = jsonencode([output.bucket, output.quiver_store, output.quiver_stores]) == jsonencode(["acme-quiver", "gs://acme-quiver", { main = { "" = "gs://acme-quiver" } }])
    error_message = "The outputs name another store: ${jsonencode([output.bucket, output.quiver_store, output.quiver_stores])}"
  }
}

run "everything_that_can_be_turned_on" {
  command = apply

  variables {
    kms_key          = { name = "projects/acme-keys/locations/europe-west3/keyRings/quiver/cryptoKeys/store" }
    versioning       = true
    noncurrent_days  = 3
    soft_delete_days = 7
    access_logs      = { bucket = "acme-logs", prefix = "quiver/" }
    labels           = { team = "data" }
    force_destroy    = true
  }

  assert {
    condition     = [for key in google_storage_bucket.store.encryption : key.default_kms_key_name] == ["projects/acme-keys/locations/europe-west3/keyRings/quiver/cryptoKeys/store"]
    error_message = "The bucket does not encrypt with the key that it was given."
  }

  assert {
    condition = (
      google_kms_crypto_key_iam_member.agent[0].crypto_key_id == "projects/acme-keys/locations/europe-west3/keyRings/quiver/cryptoKeys/store" &&
      google_kms_crypto_key_iam_member.agent[0].role == "roles/cloudkms.cryptoKeyEncrypterDecrypter" &&
      google_kms_crypto_key_iam_member.agent[0].member == "serviceAccount:${data.google_storage_project_service_account.agent[0].email_address}" &&
      data.google_storage_project_service_account.agent[0].project == "acme-data"
    )
    error_message = "The storage service agent may not use the key, or may do something else with it, or another may."
  }

  assert {
    condition     = [for versioning in google_storage_bucket.store.versioning : versioning.enabled] == [true]
    error_message = "Old versions are not kept as was asked for."
  }

  assert {
    condition     = [for policy in google_storage_bucket.store.soft_delete_policy : policy.retention_duration_seconds] == [604800]
    error_message = "What was deleted is not kept as long as was asked for."
  }

  assert {
    condition = jsonencode([for rule in google_storage_bucket.store.lifecycle_rule : {
      action    = [for action in rule.action : action.type]
      condition = [for condition in rule.condition : { for name, value in condition : name => value if value != null && try(length(value) > 0, true) }]
      }]) == jsonencode([
      { action = ["AbortIncompleteMultipartUpload"], condition = [{ age = 1 }] },
      { action = ["Delete"], condition = [{ days_since_noncurrent_time = 3, with_state = "ARCHIVED" }] },
    ])
    error_message = "The rules of the lifecycle delete something else than old versions: ${jsonencode(google_storage_bucket.store.lifecycle_rule)}"
  }

  assert {
    condition     = [for logs in google_storage_bucket.store.logging : [logs.log_bucket, logs.log_object_prefix]] == [["acme-logs", "quiver/"]]
    error_message = "The usage logs go elsewhere."
  }

  assert {
    condition     = google_storage_bucket.store.force_destroy && jsonencode(google_storage_bucket.store.labels) == jsonencode({ team = "data" })
    error_message = "Labels or force_destroy are ignored."
  }
}
