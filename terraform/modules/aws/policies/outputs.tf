output "reader" {
  description = "Policy document of who may read and list."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.statements.reader })
}

output "writer" {
  description = "Policy document of who may save, too. It deletes nothing but what quiver doctor wrote."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.statements.writer })
}

output "janitor" {
  description = "Policy document of who may fold, collect garbage and evict, too."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.statements.janitor })
}
