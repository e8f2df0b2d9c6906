resource "google_storage_bucket" "store" {
  project  = var.project
  name     = var.bucket
  location = var.location
  labels   = var.labels

  # The colder classes bill an object for 30 days and more, however soon it is deleted: marks live for minutes.
  storage_class = "STANDARD"

  # Rights come from IAM alone, and can be given to nobody outside it.
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  force_destroy = var.force_destroy

  versioning {
    enabled = var.versioning
  }

  soft_delete_policy {
    retention_duration_seconds = var.soft_delete_days * 86400
  }

  # No rule ends a value, a call or the index: only gc knows what is in use.
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 1
    }
  }

  dynamic "lifecycle_rule" {
    for_each = var.versioning ? [var.noncurrent_days] : []
    content {
      action {
        type = "Delete"
      }
      condition {
        with_state                 = "ARCHIVED"
        days_since_noncurrent_time = lifecycle_rule.value
      }
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      default_kms_key_name = encryption.value.name
    }
  }

  dynamic "logging" {
    for_each = var.access_logs == null ? [] : [var.access_logs]
    content {
      log_bucket        = logging.value.bucket
      log_object_prefix = logging.value.prefix
    }
  }

  # Google refuses to make a bucket with a key that its agent may not use.
  depends_on = [google_kms_crypto_key_iam_member.agent]
}

# The agent encrypts and decrypts in the clients' stead.
data "google_storage_project_service_account" "agent" {
  count   = var.kms_key == null ? 0 : 1
  project = var.project
}

resource "google_kms_crypto_key_iam_member" "agent" {
  count         = var.kms_key == null ? 0 : 1
  crypto_key_id = var.kms_key.name
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:${data.google_storage_project_service_account.agent[0].email_address}"
}
