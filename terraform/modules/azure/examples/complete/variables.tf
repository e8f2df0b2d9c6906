variable "subscription_id" {
  type        = string
  description = "Subscription of the account."
  nullable    = false
}

variable "location" {
  type        = string
  description = "Region of the account and of the jobs."
  nullable    = false
}

variable "account_name" {
  type        = string
  description = "Name of the storage account to make, and of its resource group."
  nullable    = false
}

variable "kms_key" {
  type        = object({ key_vault_key_id = string, user_assigned_identity_id = string })
  description = "Key in a Key Vault, and the identity that may use it."
  nullable    = false
}

variable "network_rules" {
  type        = object({ ip_rules = list(string), subnet_ids = list(string) })
  description = "Addresses and subnets that reach the account, with those of the jobs' environments."
  nullable    = false
}

variable "log_analytics_workspace_id" {
  type        = string
  description = "Workspace of the logs."
  nullable    = false
}

variable "analyst" {
  type        = string
  description = "Object id of who reads what both teams saved."
  nullable    = false
}

variable "container_app_environment_id" {
  type        = string
  description = "Container Apps environment that runs fold and gc, in the same region."
  nullable    = false
}

variable "image" {
  type        = string
  description = "Image of the command quiver, in a registry that the environment reaches."
  nullable    = false
}
