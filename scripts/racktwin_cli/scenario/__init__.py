"""`racktwin whatif` and `racktwin replay`: a Scenario resource made, waited for, shown."""
