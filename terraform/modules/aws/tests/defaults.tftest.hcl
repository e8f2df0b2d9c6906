# What one gets who names a bucket and nothing else.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { id = "fleet", region = "eu-central-1" }
  }
}

variables {
  bucket = "fleet"
}

run "defaults" {
  command = apply

  assert {
    condition     = aws_s3_bucket.store.bucket == "fleet" && !aws_s3_bucket.store.force_destroy && length(aws_s3_bucket.store.tags) == 0
    error_message = "The bucket is named as asked, and is not destroyed with what is in it."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.store.bucket == "fleet" && aws_s3_bucket_ownership_controls.store.rule[*].object_ownership == tolist(["BucketOwnerEnforced"])
    error_message = "The bucket's owner owns each object, and access control lists are off."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.store.bucket == "fleet",
      aws_s3_bucket_public_access_block.store.block_public_acls, aws_s3_bucket_public_access_block.store.block_public_policy,
      aws_s3_bucket_public_access_block.store.ignore_public_acls, aws_s3_bucket_public_access_block.store.restrict_public_buckets,
    ])
    error_message = "Public access is blocked in all four ways."
  }

  assert {
    condition = aws_s3_bucket_server_side_encryption_configuration.store.bucket == "fleet" && alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.store.rule : !rule.bucket_key_enabled &&
      rule.apply_server_side_encryption_by_default[*].sse_algorithm == tolist(["AES256"])
    ])
    error_message = "Objects are encrypted, with the key that S3 keeps."
  }

  assert {
    condition     = aws_s3_bucket_versioning.store.bucket == "fleet" && aws_s3_bucket_versioning.store.versioning_configuration[*].status == tolist(["Disabled"])
    error_message = "There are no versions."
  }

  assert {
    condition = aws_s3_bucket_lifecycle_configuration.store.bucket == "fleet" && jsonencode([for rule in aws_s3_bucket_lifecycle_configuration.store.rule : [
      rule.id, rule.status, length(rule.filter), rule.abort_incomplete_multipart_upload[*].days_after_initiation,
      length(rule.expiration) + length(rule.transition) + length(rule.noncurrent_version_expiration) + length(rule.noncurrent_version_transition),
    ]]) == jsonencode([["unfinished-uploads", "Enabled", 1, [1], 0]])
    error_message = "Unfinished uploads of any name end after a day, and nothing else expires or moves: ${jsonencode(aws_s3_bucket_lifecycle_configuration.store.rule)}"
  }

  assert {
    condition     = length(aws_s3_bucket_logging.store) == 0
    error_message = "There are no access logs."
  }

  assert {
    condition = aws_s3_bucket_policy.store.bucket == "fleet" && aws_s3_bucket_policy.store.policy == jsonencode({ Version = "2012-10-17", Statement = [
      {
        Sid       = "DenyWithoutTLS", Effect = "Deny", Principal = "*", Action = "s3:*", Resource = ["arn:aws:s3:::fleet", "arn:aws:s3:::fleet/*"],
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "DenyOldTLS", Effect = "Deny", Principal = "*", Action = "s3:*", Resource = ["arn:aws:s3:::fleet", "arn:aws:s3:::fleet/*"],
        Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
      },
    ] })
    error_message = "Everybody is refused everything without TLS, and with TLS before 1.2: ${aws_s3_bucket_policy.store.policy}"
  }

  assert {
    condition = jsonencode({ for key, policy in aws_iam_policy.role : key => [policy.name, policy.policy] }) == jsonencode({
      "main/reader"  = ["fleet-main-reader", module.policies["main"].reader]
      "main/writer"  = ["fleet-main-writer", module.policies["main"].writer]
      "main/janitor" = ["fleet-main-janitor", module.policies["main"].janitor]
    })
    error_message = "There is a policy for each role, with its document."
  }

  # What the documents say is held by the tests of policies/; here, that they are of this bucket.
  assert {
    condition = module.policies["main"].reader == jsonencode({ Version = "2012-10-17", Statement = [
      { Sid = "List", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::fleet"] },
      { Sid = "Read", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::fleet/*"] },
    ] })
    error_message = "The one domain is the whole bucket, without a key of its own: ${module.policies["main"].reader}"
  }

  assert {
    condition     = length(aws_iam_role_policy_attachment.role) == 0
    error_message = "Nobody has a right who was not named."
  }

  assert {
    condition = jsonencode([output.quiver_store, output.quiver_stores, output.bucket]) == jsonencode([
      "s3://fleet?region=eu-central-1", { main = { "" = "s3://fleet?region=eu-central-1" } }, "fleet"
    ])
    error_message = "The one store is the bucket: ${jsonencode(output.quiver_stores)}"
  }
}
