"""The book in other forms: for students and lecturers, for Colab and Binder, and on paper."""
