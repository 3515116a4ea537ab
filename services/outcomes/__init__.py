"""What it adds up to: the journal, client outcome views, assessments. Read side."""
