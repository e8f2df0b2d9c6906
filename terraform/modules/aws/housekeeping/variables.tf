variable "name" {
  type        = string
  description = "Name of the function, its log group, its schedules and its roles; one for each store of the account."
  default     = "quiver-housekeeping"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,50}$", var.name))
    error_message = "The name has 1 to 50 letters, digits, hyphens and underscores."
  }
}

variable "region" {
  type        = string
  description = "Region of the function, that of the bucket; null for the provider's."
  default     = null
  nullable    = true

  validation {
    condition     = var.region == null || can(regex("^[a-z]+(-[a-z]+)+-[0-9]+$", var.region))
    error_message = "Name a region as AWS does, as eu-central-1, or null for the provider's."
  }
}

variable "quiver_store" {
  type        = string
  description = "URL of the store to keep, as the module's output quiver_store or one of quiver_stores."
  nullable    = false

  validation {
    condition     = can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[a-z0-9._/-]+)?(\\?[^ ]+)?$", var.quiver_store))
    error_message = "The store is the URL of a bucket, as s3://bucket/prefix?region=eu-central-1."
  }
}

variable "janitor" {
  type        = string
  description = "ARN of the janitor's policy of the store's trust domain, from the module's output janitor."
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$", var.janitor))
    error_message = "The janitor is the ARN of a policy, as arn:aws:iam::123456789012:policy/fleet-main-janitor."
  }
}

variable "zip" {
  type        = string
  description = "File with the function, as examples/lambda-housekeeping builds it: the program bootstrap in a zip."
  nullable    = false

  validation {
    condition     = endswith(var.zip, ".zip") && fileexists(var.zip)
    error_message = "There is no such zip: build it first, as examples/lambda-housekeeping/README.md says, and name the file."
  }
}

variable "architecture" {
  type        = string
  description = "What the program in the zip was built for. Lambda takes less for arm64."
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is arm64 (GOARCH=arm64) or x86_64 (GOARCH=amd64)."
  }
}

variable "fold_schedule" {
  type        = string
  description = "When to fold, as EventBridge Scheduler writes it: rate(15 minutes) or cron(0/15 * * * ? *). Fold about as often as somebody queries."
  default     = "rate(15 minutes)"
  nullable    = false

  validation {
    condition     = can(regex("^(rate\\([1-9][0-9]* (minute|hour|day)s?\\)|cron\\([^ ()]+( [^ ()]+){5}\\))$", var.fold_schedule))
    error_message = "A schedule is rate(15 minutes), with minutes, hours or days, or cron(…) with six fields, as cron(30 4 * * ? *)."
  }
}

variable "gc_schedule" {
  type        = string
  description = "When to remove what nothing needs, in UTC: once a day or once a week."
  default     = "cron(30 4 ? * SUN *)"
  nullable    = false

  validation {
    condition     = can(regex("^(rate\\([1-9][0-9]* (minute|hour|day)s?\\)|cron\\([^ ()]+( [^ ()]+){5}\\))$", var.gc_schedule))
    error_message = "A schedule is rate(7 days), with minutes, hours or days, or cron(…) with six fields, as cron(30 4 ? * SUN *)."
  }
}

variable "max_age" {
  type        = string
  description = "Age in days from which gc evicts calls, as 180d; null to evict none, and to remove just what no call names."
  default     = null
  nullable    = true

  validation {
    condition     = var.max_age == null || can(regex("^[1-9][0-9]*d$", var.max_age))
    error_message = "An age is a whole number of days: 180d."
  }
}

variable "reserved_concurrency" {
  type        = number
  description = "How many of the function may run at once: one, or -1 to reserve nothing, where the account has too few to reserve from. Several do no harm but cost more."
  default     = 1
  nullable    = false

  validation {
    condition     = contains([1, -1], var.reserved_concurrency)
    error_message = "Reserve 1, or -1 for nothing; 0 would let the function never run."
  }
}

variable "log_retention_days" {
  type        = number
  description = "Days to keep the function's logs."
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180 or 365 days, or one of its longer terms up to 3653."
  }
}

variable "tags" {
  type        = map(string)
  description = "Tags of the function, its log group and its roles."
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key, value in var.tags : can(regex("^[^\\s].{0,127}$", key)) && !startswith(lower(key), "aws:") && length(value) <= 256])
    error_message = "A tag has a key of 1 to 128 characters, not beginning with aws:, and a value of at most 256."
  }
}
