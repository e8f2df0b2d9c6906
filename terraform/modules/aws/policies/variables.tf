variable "bucket" {
  type        = string
  description = "Name of the bucket."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens, and begins and ends with a letter or a digit."
  }
}

variable "prefixes" {
  type        = list(string)
  description = "Prefixes of the stores, as they stand in their URLs, without slashes around them. The empty one is the whole bucket."
  default     = [""]
  nullable    = false

  validation {
    condition     = length(var.prefixes) > 0 && length(distinct(var.prefixes)) == length(var.prefixes)
    error_message = "Name at least one prefix, and none twice; \"\" is the whole bucket."
  }

  validation {
    condition     = alltrue([for prefix in var.prefixes : prefix == "" || can(regex("^([a-z0-9._-]*[a-z0-9_-]/)*[a-z0-9._-]*[a-z0-9_-]$", prefix))])
    error_message = "A prefix has lower-case letters, digits, dots, hyphens and underscores, in parts with a slash between them that do not end with a dot: \"team/project\"."
  }
}

variable "partition" {
  type        = string
  description = "Partition of the bucket's name in policies: aws, aws-cn or aws-us-gov. MinIO takes aws."
  default     = "aws"
  nullable    = false

  validation {
    condition     = can(regex("^aws(-[a-z]+)*$", var.partition))
    error_message = "The partition is aws, aws-cn, aws-us-gov or another of AWS's."
  }
}

variable "kms_key_arn" {
  type        = string
  description = "ARN of the KMS key that encrypts the bucket; null where it has none of its own."
  default     = null
  nullable    = true

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-zA-Z0-9-]+$", var.kms_key_arn))
    error_message = "Name the key by its ARN, as arn:aws:kms:eu-central-1:123456789012:key/…: an alias does not do in a policy."
  }
}
