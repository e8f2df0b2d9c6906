# One bucket, that only roles of its policies get at. Nothing in it expires: only quiver gc knows what is needed no more.
resource "aws_s3_bucket" "store" {
  bucket        = var.bucket
  region        = var.region
  force_destroy = var.force_destroy
  tags          = var.tags
}

resource "aws_s3_bucket_ownership_controls" "store" {
  bucket = aws_s3_bucket.store.id
  region = var.region

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "store" {
  bucket                  = aws_s3_bucket.store.id
  region                  = var.region
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "store" {
  bucket = aws_s3_bucket.store.id
  region = var.region

  rule {
    # One key for the bucket instead of a request to KMS for each object.
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_versioning" "store" {
  bucket = aws_s3_bucket.store.id
  region = var.region

  versioning_configuration {
    status = var.versioning
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "store" {
  bucket     = aws_s3_bucket.store.id
  region     = var.region
  depends_on = [aws_s3_bucket_versioning.store]

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  dynamic "rule" {
    for_each = var.versioning == "Disabled" ? [] : ["old-versions"]

    content {
      id     = rule.value
      status = "Enabled"
      filter {}

      noncurrent_version_expiration {
        noncurrent_days = var.noncurrent_days
      }

      # What a deletion leaves when its last old version is gone; this removes no object.
      expiration {
        expired_object_delete_marker = true
      }
    }
  }
}

resource "aws_s3_bucket_logging" "store" {
  count = var.access_logs == null ? 0 : 1

  bucket        = aws_s3_bucket.store.id
  region        = var.region
  target_bucket = var.access_logs.bucket
  target_prefix = var.access_logs.prefix
}
