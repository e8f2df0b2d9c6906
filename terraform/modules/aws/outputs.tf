output "quiver_store" {
  description = "URL of the store, for QUIVER_STORE; null where there are several."
  value       = length(local.urls) == 1 ? local.urls[0] : null
}

output "quiver_stores" {
  description = "URLs of the stores: by trust domain, by prefix."
  value       = local.stores
}

output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.store.bucket
}

output "reader" {
  description = "ARN of the policy of who may read and list, by trust domain."
  value       = { for domain in keys(var.trust_domains) : domain => aws_iam_policy.role["${domain}/reader"].arn }
}

output "writer" {
  description = "ARN of the policy of who may save, too, by trust domain."
  value       = { for domain in keys(var.trust_domains) : domain => aws_iam_policy.role["${domain}/writer"].arn }
}

output "janitor" {
  description = "ARN of the policy of who may fold, collect garbage and evict, too, by trust domain."
  value       = { for domain in keys(var.trust_domains) : domain => aws_iam_policy.role["${domain}/janitor"].arn }
}

output "policy_documents" {
  description = "The documents of these policies, by trust domain and role, for a user, a group or a permission set."
  value       = { for domain, policies in module.policies : domain => { for role in local.roles : role => policies[role] } }
}

locals {
  stores = { for domain, given in var.trust_domains : domain => {
    for prefix in given.prefixes : prefix => "s3://${aws_s3_bucket.store.bucket}${prefix == "" ? "" : "/${prefix}"}?region=${aws_s3_bucket.store.region}"
  } }
  urls = flatten([for prefixes in values(local.stores) : values(prefixes)])
}
