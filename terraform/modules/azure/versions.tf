terraform {
  required_version = ">= 1.9" # conditions of variables that look at other variables

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 4.9" # containers by their account's id, through the resource manager
    }
  }
}
