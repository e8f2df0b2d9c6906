# A bucket and the right to use it, for the roles that your functions and jobs have already.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

provider "aws" {
  region = var.region
}

variable "region" {
  type        = string
  description = "Region of the bucket: the one where the jobs run."
  nullable    = false
}

variable "bucket" {
  type        = string
  description = "Name of the bucket to make."
  nullable    = false
}

variable "writers" {
  type        = list(string)
  description = "Names of the IAM roles that may save."
  default     = []
  nullable    = false
}

module "quiver" {
  source = "../.."

  bucket        = var.bucket
  trust_domains = { main = { writers = var.writers } }
}

output "quiver_store" {
  description = "URL of the store, for QUIVER_STORE."
  value       = module.quiver.quiver_store
}

output "writer" {
  description = "ARN of the policy to attach to who else may save."
  value       = module.quiver.writer["main"]
}
