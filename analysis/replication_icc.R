#!/usr/bin/env Rscript
# The intraclass correlation of replications, by lme4: value ~ condition + (1 | replication), for each model.
#
#   Rscript replication_icc.R DATASET/study1_exp1.csv quantity
#   Rscript replication_icc.R DATASET/study1_exp1.csv knowledge
#   Rscript replication_icc.R DATASET/study2_exp1.csv polarity=was
#
# DATASET is what `grace-cli aggregate` wrote. The measure is a column; yes is 1 and no is 0, and `column=word` is 1 where
# the answer is that word. Conditions are the columns that begin with `conditions.`; rows without a value are left out.
# Prints CSV. Needs lme4 (Debian: r-base-core and r-cran-lme4).

suppressPackageStartupMessages(library(lme4))

arguments <- commandArgs(trailingOnly = TRUE)
if (length(arguments) != 2) stop("usage: replication_icc.R TABLE.csv MEASURE", call. = FALSE)
measure <- arguments[2]
data <- read.csv(arguments[1], check.names = FALSE, na.strings = "", colClasses = "character")

parts <- strsplit(measure, "=", fixed = TRUE)[[1]]
if (!parts[1] %in% names(data)) stop("no column `", parts[1], "`", call. = FALSE)
words <- data[[parts[1]]]
data$value <- if (length(parts) == 2) {
  as.numeric(words == parts[2])
} else if (all(words %in% c("yes", "no", NA))) {
  as.numeric(words == "yes")
} else {
  as.numeric(words)
}
factors <- grep("^conditions\\.", names(data), value = TRUE)
data$condition <- if (length(factors) > 0) interaction(data[factors], drop = TRUE) else factor("all")
data$replication <- factor(data$replication_id)
data <- data[!is.na(data$value), ]

# Tighter than lme4's own, so that its answer is the optimum to 7 digits.
control <- lmerControl(
  optimizer = "bobyqa", optCtrl = list(rhobeg = 2e-3, rhoend = 1e-10, maxfun = 1e5),
  check.conv.singular = "ignore", calc.derivs = FALSE
)

fit <- function(rows) {
  rows$condition <- droplevels(rows$condition)
  model <- if (nlevels(rows$condition) > 1) {
    lmer(value ~ condition + (1 | replication), rows, REML = TRUE, control = control)
  } else {
    lmer(value ~ 1 + (1 | replication), rows, REML = TRUE, control = control)
  }
  variances <- as.data.frame(VarCorr(model))$vcov
  data.frame(
    model = rows$model_key[1], measure = measure, replications = nlevels(droplevels(rows$replication)),
    conditions = nlevels(rows$condition), trials = nrow(rows),
    var_between = variances[1], var_within = variances[2], icc = variances[1] / sum(variances),
    criterion = as.numeric(REMLcrit(model))
  )
}

result <- do.call(rbind, lapply(split(data, data$model_key), fit))
numbers <- c("var_between", "var_within", "icc", "criterion")
result[numbers] <- lapply(result[numbers], function(x) sprintf("%.15g", x))
write.csv(result, row.names = FALSE, quote = FALSE)
