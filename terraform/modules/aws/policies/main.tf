# The rights of the three roles, as policy documents of S3: nothing here asks a provider, so that the same statements serve MinIO and any other server of S3's protocol.
terraform {
  required_version = ">= 1.9"
}

locals {
  bucket = "arn:${var.partition}:s3:::${var.bucket}"

  # What a store's names begin with, each with its slash; one empty string for the whole bucket.
  stores = [for prefix in var.prefixes : prefix == "" ? "" : "${prefix}/"]

  # Who may not list is told 403 for what is missing, and a miss would be a refusal. S3 takes the name of a missing object for s3:prefix here, so the condition does for both.
  within = contains(var.prefixes, "") ? {} : { Condition = { StringLike = { "s3:prefix" = [for store in local.stores : "${store}*"] } } }

  list  = merge({ Sid = "List", Effect = "Allow", Action = ["s3:ListBucket"], Resource = [local.bucket] }, local.within)
  read  = { Sid = "Read", Effect = "Allow", Action = ["s3:GetObject"], Resource = local.objects[""] }
  write = { Sid = "Write", Effect = "Allow", Action = ["s3:PutObject", "s3:AbortMultipartUpload"], Resource = local.written }

  # quiver doctor tries what a role may do in a folder of its own.
  scratch = { Sid = "Doctor", Effect = "Allow", Action = ["s3:DeleteObject"], Resource = local.objects["quiver-doctor/"] }

  delete = { Sid = "Delete", Effect = "Allow", Action = ["s3:DeleteObject"], Resource = local.objects[""] }

  # S3 knows no condition on the prefix of a listing of uploads, and MinIO refuses the policy that has one. So only who has the whole bucket may list them;
  # elsewhere the bucket's lifecycle rule ends them.
  uploads = contains(var.prefixes, "") ? [{ Sid = "ListUploads", Effect = "Allow", Action = ["s3:ListBucketMultipartUploads"], Resource = [local.bucket] }] : []

  folders = ["values/", "calls/", "index/", "leases/", "quiver-doctor/"]
  objects = { for folder in concat([""], local.folders) : folder => [for store in local.stores : "${local.bucket}/${store}${folder}*"] }
  written = concat([for store in local.stores : "${local.bucket}/${store}quiver.json"], flatten([for folder in local.folders : local.objects[folder]]))

  decrypt = var.kms_key_arn == null ? [] : [{ Sid = "Decrypt", Effect = "Allow", Action = ["kms:Decrypt"], Resource = [var.kms_key_arn] }]
  encrypt = var.kms_key_arn == null ? [] : [{ Sid = "Encrypt", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = [var.kms_key_arn] }]

  statements = {
    reader  = concat([local.list, local.read], local.decrypt)
    writer  = concat([local.list, local.read, local.write, local.scratch], local.encrypt)
    janitor = concat([local.list, local.read, local.write, local.delete], local.uploads, local.encrypt)
  }
}
