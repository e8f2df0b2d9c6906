# Everything that can be chosen, chosen otherwise.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws-us-gov" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { id = "fleet" }
  }
}

override_resource {
  target = aws_iam_policy.role["ml/reader"]
  values = { arn = "arn:aws-us-gov:iam::123456789012:policy/ml-reader" }
}

override_resource {
  target = aws_iam_policy.role["ml/writer"]
  values = { arn = "arn:aws-us-gov:iam::123456789012:policy/ml-writer" }
}

override_resource {
  target = aws_iam_policy.role["ml/janitor"]
  values = { arn = "arn:aws-us-gov:iam::123456789012:policy/ml-janitor" }
}

override_resource {
  target = aws_iam_policy.role["web/reader"]
  values = { arn = "arn:aws-us-gov:iam::123456789012:policy/web-reader" }
}

override_resource {
  target = aws_iam_policy.role["web/writer"]
  values = { arn = "arn:aws-us-gov:iam::123456789012:policy/web-writer" }
}

override_resource {
  target = aws_iam_policy.role["web/janitor"]
  values = { arn = "arn:aws-us-gov:iam::123456789012:policy/web-janitor" }
}

variables {
  bucket = "fleet"
}

run "choices" {
  command = apply

  variables {
    region = "us-gov-west-1"
    trust_domains = {
      ml  = { prefixes = ["train", "serve/models"], readers = ["serve"], writers = ["train", "tune"], janitors = ["keeper"] }
      web = { prefixes = ["train-web"], readers = ["serve"] }
    }
    kms_key_arn     = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/0123abcd"
    versioning      = "Enabled"
    noncurrent_days = 3
    access_logs     = { bucket = "logs", prefix = "fleet/" }
    force_destroy   = true
    tags            = { team = "ml" }
  }

  assert {
    condition = aws_s3_bucket.store.force_destroy && alltrue([
      for tags in concat([aws_s3_bucket.store.tags], values(aws_iam_policy.role)[*].tags) : tags == tomap({ team = "ml" })
    ])
    error_message = "The bucket may be destroyed, and bucket and policies have their tags."
  }

  assert {
    condition = alltrue([for region in concat([
      aws_s3_bucket.store.region, aws_s3_bucket_ownership_controls.store.region, aws_s3_bucket_public_access_block.store.region, aws_s3_bucket_policy.store.region,
      aws_s3_bucket_server_side_encryption_configuration.store.region, aws_s3_bucket_versioning.store.region, aws_s3_bucket_lifecycle_configuration.store.region,
    ], aws_s3_bucket_logging.store[*].region) : region == "us-gov-west-1"])
    error_message = "All is in the region that was asked for."
  }

  assert {
    condition = alltrue([for rule in aws_s3_bucket_server_side_encryption_configuration.store.rule : rule.bucket_key_enabled && jsonencode([
      for given in rule.apply_server_side_encryption_by_default : [given.sse_algorithm, given.kms_master_key_id]
    ]) == jsonencode([["aws:kms", "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/0123abcd"]])])
    error_message = "Objects are encrypted with the own key, by a key of the bucket."
  }

  assert {
    condition     = aws_s3_bucket_versioning.store.versioning_configuration[*].status == tolist(["Enabled"])
    error_message = "There are versions."
  }

  assert {
    condition = jsonencode([for rule in aws_s3_bucket_lifecycle_configuration.store.rule : [
      rule.id, rule.status, length(rule.filter), rule.abort_incomplete_multipart_upload[*].days_after_initiation, rule.noncurrent_version_expiration[*].noncurrent_days,
      rule.expiration[*].expired_object_delete_marker, length([for old in rule.expiration : old if coalesce(old.days, 0) != 0 || old.date != null]),
      length(rule.transition) + length(rule.noncurrent_version_transition),
    ]]) == jsonencode([["unfinished-uploads", "Enabled", 1, [1], [], [], 0, 0], ["old-versions", "Enabled", 1, [], [3], [true], 0, 0]])
    error_message = "Old versions alone are deleted, after the days that were asked for: ${jsonencode(aws_s3_bucket_lifecycle_configuration.store.rule)}"
  }

  assert {
    condition     = jsonencode([for log in aws_s3_bucket_logging.store : [log.bucket, log.target_bucket, log.target_prefix]]) == jsonencode([["fleet", "logs", "fleet/"]])
    error_message = "Access is logged where it was asked for."
  }

  assert {
    condition = alltrue([for statement in jsondecode(aws_s3_bucket_policy.store.policy).Statement :
      jsonencode(statement.Resource) == jsonencode(["arn:aws-us-gov:s3:::fleet", "arn:aws-us-gov:s3:::fleet/*"])
    ])
    error_message = "The bucket's policy is of its partition."
  }

  assert {
    condition = module.policies["ml"].reader == jsonencode({ Version = "2012-10-17", Statement = [
      {
        Sid       = "List", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws-us-gov:s3:::fleet"],
        Condition = { StringLike = { "s3:prefix" = ["train/*", "serve/models/*"] } }
      },
      { Sid = "Read", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws-us-gov:s3:::fleet/train/*", "arn:aws-us-gov:s3:::fleet/serve/models/*"] },
      { Sid = "Decrypt", Effect = "Allow", Action = ["kms:Decrypt"], Resource = ["arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/0123abcd"] },
    ] })
    error_message = "A domain's policies are of its prefixes, its partition and the key: ${module.policies["ml"].reader}"
  }

  assert {
    condition = jsonencode({ for key, policy in aws_iam_policy.role : key => [policy.name, policy.policy] }) == jsonencode({
      "ml/reader"   = ["fleet-ml-reader", module.policies["ml"].reader]
      "ml/writer"   = ["fleet-ml-writer", module.policies["ml"].writer]
      "ml/janitor"  = ["fleet-ml-janitor", module.policies["ml"].janitor]
      "web/reader"  = ["fleet-web-reader", module.policies["web"].reader]
      "web/writer"  = ["fleet-web-writer", module.policies["web"].writer]
      "web/janitor" = ["fleet-web-janitor", module.policies["web"].janitor]
    })
    error_message = "Each domain has a policy for each role."
  }

  assert {
    condition = jsonencode({ for key, attached in aws_iam_role_policy_attachment.role : key => [attached.role, attached.policy_arn] }) == jsonencode({
      "ml/reader/serve"   = ["serve", "arn:aws-us-gov:iam::123456789012:policy/ml-reader"]
      "ml/writer/train"   = ["train", "arn:aws-us-gov:iam::123456789012:policy/ml-writer"]
      "ml/writer/tune"    = ["tune", "arn:aws-us-gov:iam::123456789012:policy/ml-writer"]
      "ml/janitor/keeper" = ["keeper", "arn:aws-us-gov:iam::123456789012:policy/ml-janitor"]
      "web/reader/serve"  = ["serve", "arn:aws-us-gov:iam::123456789012:policy/web-reader"]
    })
    error_message = "Who was named has the right that was asked for, and no other."
  }

  assert {
    condition = output.quiver_store == null && jsonencode(output.quiver_stores) == jsonencode({
      ml  = { train = "s3://fleet/train?region=us-gov-west-1", "serve/models" = "s3://fleet/serve/models?region=us-gov-west-1" }
      web = { train-web = "s3://fleet/train-web?region=us-gov-west-1" }
    })
    error_message = "Of several stores none is the store: ${jsonencode(output.quiver_stores)}"
  }

  assert {
    condition = jsonencode([output.reader, output.writer, output.janitor]) == jsonencode([
      { ml = "arn:aws-us-gov:iam::123456789012:policy/ml-reader", web = "arn:aws-us-gov:iam::123456789012:policy/web-reader" },
      { ml = "arn:aws-us-gov:iam::123456789012:policy/ml-writer", web = "arn:aws-us-gov:iam::123456789012:policy/web-writer" },
      { ml = "arn:aws-us-gov:iam::123456789012:policy/ml-janitor", web = "arn:aws-us-gov:iam::123456789012:policy/web-janitor" },
    ])
    error_message = "The outputs name each policy."
  }

  assert {
    condition = jsonencode(output.policy_documents) == jsonencode({ for domain in ["ml", "web"] : domain => {
      reader = module.policies[domain].reader, writer = module.policies[domain].writer, janitor = module.policies[domain].janitor
    } })
    error_message = "The outputs have each document."
  }
}

run "suspended" {
  command = apply

  variables {
    region     = "us-gov-west-1"
    versioning = "Suspended"
  }

  assert {
    condition     = aws_s3_bucket_versioning.store.versioning_configuration[*].status == tolist(["Suspended"]) && length(aws_s3_bucket_lifecycle_configuration.store.rule) == 2
    error_message = "Where versioning was on, its old versions are deleted."
  }
}
