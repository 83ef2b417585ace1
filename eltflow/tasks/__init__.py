"""What runs beside SQL: programs, and conditions that are waited for."""
