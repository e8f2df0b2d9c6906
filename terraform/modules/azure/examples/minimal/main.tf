# A storage account with one store, and the right to save for the identities that your functions and jobs have already.
terraform {
  required_version = ">= 1.9"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 4.9"
    }
  }
}

provider "azurerm" {
  features {
    storage {
      data_plane_available = false # all is made through the resource manager: Terraform needs no role on blobs, and no way to them
    }
  }

  subscription_id     = var.subscription_id
  storage_use_azuread = true # the account takes no keys
}

variable "subscription_id" {
  type        = string
  description = "Subscription of the account."
  nullable    = false
}

variable "resource_group_name" {
  type        = string
  description = "Resource group of the account, which is there already."
  nullable    = false
}

variable "location" {
  type        = string
  description = "Region of the account: the one where the jobs run."
  nullable    = false
}

variable "account_name" {
  type        = string
  description = "Name of the storage account to make."
  nullable    = false
}

variable "writers" {
  type        = list(string)
  description = "Object ids of the principals that may save."
  default     = []
  nullable    = false
}

module "quiver" {
  source = "../.."

  account_name        = var.account_name
  resource_group_name = var.resource_group_name
  location            = var.location
  trust_domains       = { main = { writers = var.writers } }
}

output "quiver_store" {
  description = "URL of the store, for QUIVER_STORE."
  value       = module.quiver.quiver_store
}

output "writer" {
  description = "What to assign to who else may save."
  value       = module.quiver.writer["main"]
}
