# Two teams that do not trust each other in one account: own key, logs, a network, an identity for each team's jobs, an analyst who reads both, and housekeeping
# for one of them.
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

resource "azurerm_resource_group" "store" {
  name     = var.account_name
  location = var.location
}

module "quiver" {
  source = "../.."

  account_name        = var.account_name
  resource_group_name = azurerm_resource_group.store.name
  location            = azurerm_resource_group.store.location
  replication_type    = "LRS" # what is lost with a zone is computed again
  kms_key             = var.kms_key
  network_rules       = var.network_rules
  access_logs         = { log_analytics_workspace_id = var.log_analytics_workspace_id }
  tags                = { purpose = "memoisation" }

  trust_domains = {
    research = {
      prefixes = ["models", "papers/2026"]
      readers  = [var.analyst]
      writers  = [azurerm_user_assigned_identity.job["research"].principal_id]
      janitors = [azurerm_user_assigned_identity.janitor.principal_id]
    }
    serving = {
      readers = [var.analyst]
      writers = [azurerm_user_assigned_identity.job["serving"].principal_id]
    }
  }
}

module "housekeeping" {
  source   = "../../housekeeping"
  for_each = module.quiver.quiver_stores["research"]

  name                         = "quiver-${replace(each.key, "/", "-")}"
  resource_group_name          = azurerm_resource_group.store.name
  location                     = azurerm_resource_group.store.location
  container_app_environment_id = var.container_app_environment_id
  quiver_store                 = each.value
  identity                     = azurerm_user_assigned_identity.janitor
  image                        = var.image
  max_age                      = "180d"
  tags                         = { purpose = "memoisation" }
}

# What the jobs of each team run as.
resource "azurerm_user_assigned_identity" "job" {
  for_each = toset(["research", "serving"])

  name                = "quiver-${each.key}"
  resource_group_name = azurerm_resource_group.store.name
  location            = azurerm_resource_group.store.location
}

resource "azurerm_user_assigned_identity" "janitor" {
  name                = "quiver-janitor"
  resource_group_name = azurerm_resource_group.store.name
  location            = azurerm_resource_group.store.location
}
