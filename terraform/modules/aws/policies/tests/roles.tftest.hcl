# The documents, statement by statement. No provider is asked.

variables {
  bucket = "fleet"
}

run "whole_bucket" {
  command = apply

  assert {
    condition = output.reader == jsonencode({ Version = "2012-10-17", Statement = [
      { Sid = "List", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::fleet"] },
      { Sid = "Read", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::fleet/*"] },
    ] })
    error_message = "A reader lists and reads the bucket, and does nothing else: ${output.reader}"
  }

  assert {
    condition = output.writer == jsonencode({ Version = "2012-10-17", Statement = [
      { Sid = "List", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::fleet"] },
      { Sid = "Read", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::fleet/*"] },
      { Sid = "Write", Effect = "Allow", Action = ["s3:PutObject", "s3:AbortMultipartUpload"], Resource = [
        "arn:aws:s3:::fleet/quiver.json", "arn:aws:s3:::fleet/values/*", "arn:aws:s3:::fleet/calls/*", "arn:aws:s3:::fleet/index/*", "arn:aws:s3:::fleet/leases/*",
        "arn:aws:s3:::fleet/quiver-doctor/*",
      ] },
      { Sid = "Doctor", Effect = "Allow", Action = ["s3:DeleteObject"], Resource = ["arn:aws:s3:::fleet/quiver-doctor/*"] },
    ] })
    error_message = "A writer writes a store's own objects, and deletes nothing but the doctor's: ${output.writer}"
  }

  assert {
    condition = output.janitor == jsonencode({ Version = "2012-10-17", Statement = [
      { Sid = "List", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::fleet"] },
      { Sid = "Read", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::fleet/*"] },
      { Sid = "Write", Effect = "Allow", Action = ["s3:PutObject", "s3:AbortMultipartUpload"], Resource = [
        "arn:aws:s3:::fleet/quiver.json", "arn:aws:s3:::fleet/values/*", "arn:aws:s3:::fleet/calls/*", "arn:aws:s3:::fleet/index/*", "arn:aws:s3:::fleet/leases/*",
        "arn:aws:s3:::fleet/quiver-doctor/*",
      ] },
      { Sid = "Delete", Effect = "Allow", Action = ["s3:DeleteObject"], Resource = ["arn:aws:s3:::fleet/*"] },
      { Sid = "ListUploads", Effect = "Allow", Action = ["s3:ListBucketMultipartUploads"], Resource = ["arn:aws:s3:::fleet"] },
    ] })
    error_message = "A janitor of the whole bucket deletes, and lists unfinished uploads: ${output.janitor}"
  }
}

run "prefixes_and_own_key" {
  command = apply

  variables {
    prefixes    = ["team", "other/deep"]
    partition   = "aws-cn"
    kms_key_arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/0123abcd"
  }

  assert {
    condition = output.reader == jsonencode({ Version = "2012-10-17", Statement = [
      {
        Sid       = "List", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws-cn:s3:::fleet"],
        Condition = { StringLike = { "s3:prefix" = ["team/*", "other/deep/*"] } }
      },
      { Sid = "Read", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws-cn:s3:::fleet/team/*", "arn:aws-cn:s3:::fleet/other/deep/*"] },
      { Sid = "Decrypt", Effect = "Allow", Action = ["kms:Decrypt"], Resource = ["arn:aws-cn:kms:cn-north-1:123456789012:key/0123abcd"] },
    ] })
    error_message = "A reader lists and reads its prefixes, and decrypts: ${output.reader}"
  }

  assert {
    condition = output.writer == jsonencode({ Version = "2012-10-17", Statement = [
      {
        Sid       = "List", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws-cn:s3:::fleet"],
        Condition = { StringLike = { "s3:prefix" = ["team/*", "other/deep/*"] } }
      },
      { Sid = "Read", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws-cn:s3:::fleet/team/*", "arn:aws-cn:s3:::fleet/other/deep/*"] },
      { Sid = "Write", Effect = "Allow", Action = ["s3:PutObject", "s3:AbortMultipartUpload"], Resource = [
        "arn:aws-cn:s3:::fleet/team/quiver.json", "arn:aws-cn:s3:::fleet/other/deep/quiver.json",
        "arn:aws-cn:s3:::fleet/team/values/*", "arn:aws-cn:s3:::fleet/other/deep/values/*", "arn:aws-cn:s3:::fleet/team/calls/*", "arn:aws-cn:s3:::fleet/other/deep/calls/*",
        "arn:aws-cn:s3:::fleet/team/index/*", "arn:aws-cn:s3:::fleet/other/deep/index/*", "arn:aws-cn:s3:::fleet/team/leases/*", "arn:aws-cn:s3:::fleet/other/deep/leases/*",
        "arn:aws-cn:s3:::fleet/team/quiver-doctor/*", "arn:aws-cn:s3:::fleet/other/deep/quiver-doctor/*",
      ] },
      {
        Sid      = "Doctor", Effect = "Allow", Action = ["s3:DeleteObject"],
        Resource = ["arn:aws-cn:s3:::fleet/team/quiver-doctor/*", "arn:aws-cn:s3:::fleet/other/deep/quiver-doctor/*"]
      },
      { Sid = "Encrypt", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = ["arn:aws-cn:kms:cn-north-1:123456789012:key/0123abcd"] },
    ] })
    error_message = "A writer keeps to its prefixes, and encrypts: ${output.writer}"
  }

  assert {
    condition = output.janitor == jsonencode({ Version = "2012-10-17", Statement = [
      {
        Sid       = "List", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws-cn:s3:::fleet"],
        Condition = { StringLike = { "s3:prefix" = ["team/*", "other/deep/*"] } }
      },
      { Sid = "Read", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws-cn:s3:::fleet/team/*", "arn:aws-cn:s3:::fleet/other/deep/*"] },
      { Sid = "Write", Effect = "Allow", Action = ["s3:PutObject", "s3:AbortMultipartUpload"], Resource = [
        "arn:aws-cn:s3:::fleet/team/quiver.json", "arn:aws-cn:s3:::fleet/other/deep/quiver.json",
        "arn:aws-cn:s3:::fleet/team/values/*", "arn:aws-cn:s3:::fleet/other/deep/values/*", "arn:aws-cn:s3:::fleet/team/calls/*", "arn:aws-cn:s3:::fleet/other/deep/calls/*",
        "arn:aws-cn:s3:::fleet/team/index/*", "arn:aws-cn:s3:::fleet/other/deep/index/*", "arn:aws-cn:s3:::fleet/team/leases/*", "arn:aws-cn:s3:::fleet/other/deep/leases/*",
        "arn:aws-cn:s3:::fleet/team/quiver-doctor/*", "arn:aws-cn:s3:::fleet/other/deep/quiver-doctor/*",
      ] },
      { Sid = "Delete", Effect = "Allow", Action = ["s3:DeleteObject"], Resource = ["arn:aws-cn:s3:::fleet/team/*", "arn:aws-cn:s3:::fleet/other/deep/*"] },
      { Sid = "Encrypt", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = ["arn:aws-cn:kms:cn-north-1:123456789012:key/0123abcd"] },
    ] })
    error_message = "A janitor keeps to its prefixes, and does not list uploads, which S3 cannot limit to a prefix: ${output.janitor}"
  }
}

run "refuses_what_is_no_name" {
  command = plan

  variables {
    bucket      = "Fleet"
    prefixes    = ["/team"]
    partition   = "azure"
    kms_key_arn = "alias/fleet"
  }

  expect_failures = [var.bucket, var.prefixes, var.partition, var.kms_key_arn]
}

run "refuses_a_part_that_ends_with_a_dot" {
  command = plan

  variables {
    prefixes = ["team./project"]
  }

  expect_failures = [var.prefixes]
}

run "refuses_a_prefix_named_twice" {
  command = plan

  variables {
    prefixes = ["team", "team"]
  }

  expect_failures = [var.prefixes]
}

run "refuses_no_prefix" {
  command = plan

  variables {
    prefixes = []
  }

  expect_failures = [var.prefixes]
}
