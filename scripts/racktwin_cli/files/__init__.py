"""`racktwin calibrate`, `forecast` and `power-fit`: recorded data of any hall, from files, without a running stack."""
