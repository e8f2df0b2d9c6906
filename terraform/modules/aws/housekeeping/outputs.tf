output "function" {
  description = "Name of the function, to invoke it by hand with {\"task\":\"fold\"} or {\"task\":\"gc\"}."
  value       = aws_lambda_function.housekeeping.function_name
}

output "role" {
  description = "Name of the function's role."
  value       = aws_iam_role.function.name
}

output "log_group" {
  description = "Name of the log group, to look into or to alarm on."
  value       = aws_cloudwatch_log_group.function.name
}
