# The rights of each role in each trust domain, as policies to attach.
module "policies" {
  source   = "./policies"
  for_each = var.trust_domains

  bucket      = aws_s3_bucket.store.bucket
  prefixes    = each.value.prefixes
  partition   = data.aws_partition.current.partition
  kms_key_arn = var.kms_key_arn
}

locals {
  roles = ["reader", "writer", "janitor"]

  policies = merge([for domain, policies in module.policies : {
    for role in local.roles : "${domain}/${role}" => { domain = domain, role = role, document = policies[role] }
  }]...)

  attachments = merge(flatten([for domain, given in var.trust_domains : [for role in local.roles : {
    for principal in toset(given["${role}s"]) : "${domain}/${role}/${principal}" => { policy = "${domain}/${role}", principal = principal }
  }]])...)
}

resource "aws_iam_policy" "role" {
  for_each = local.policies

  name        = "${var.bucket}-${each.value.domain}-${each.value.role}"
  description = "Quiver's ${each.value.role} of trust domain ${each.value.domain} in bucket ${var.bucket}."
  policy      = each.value.document
  tags        = var.tags

  lifecycle {
    precondition {
      condition     = length(each.value.document) <= 6144
      error_message = "The ${each.value.role}'s policy of trust domain ${each.value.domain} is longer than the 6144 characters that IAM takes: give it fewer or shorter prefixes."
    }
  }
}

resource "aws_iam_role_policy_attachment" "role" {
  for_each = local.attachments

  role       = each.value.principal
  policy_arn = aws_iam_policy.role[each.value.policy].arn
}
