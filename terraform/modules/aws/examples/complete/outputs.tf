output "quiver_stores" {
  description = "URLs of the stores: by team, by prefix."
  value       = module.quiver.quiver_stores
}

output "job_roles" {
  description = "ARNs of the jobs' roles, for job definitions."
  value       = { for team, role in aws_iam_role.job : team => role.arn }
}
